// Who is signed in: the authorization code flow with PKCE, by Cognito's hosted page. Tokens last as long as the tab.
const STORE = sessionStorage;

export const config = await (await fetch('/config.json')).json();

const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const home = () => `${location.origin}/`;
let leaving = false; // on the way to the hosted page: whoever is still waiting for an answer does not turn us round
addEventListener('pageshow', () => { leaving = false; }); // and back by the browser's button

// Off to the hosted page, which comes back with a code that only the holder of the verifier can use.
export async function signIn() {
  if (leaving) return;
  leaving = true;
  const verifier = random();
  const state = random();
  STORE.setItem('verifier', verifier);
  STORE.setItem('state', state);
  STORE.setItem('return', location.pathname);
  const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  location.assign(`${config.signIn}/oauth2/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: config.clientId,
    redirect_uri: home(),
    scope: 'openid email profile aws.cognito.signin.user.admin',
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })}`);
}

export function signOut() {
  leaving = true;
  STORE.clear();
  location.assign(`${config.signIn}/logout?${new URLSearchParams({ client_id: config.clientId, logout_uri: home() })}`);
}

// The user that the ID token speaks of, or undefined. Takes the code of a return from the hosted page first.
export async function currentUser() {
  const asked = new URLSearchParams(location.search);
  if (asked.has('code')) await redeem(asked);
  const token = STORE.getItem('id_token');
  return token ? claims(token) : undefined;
}

async function redeem(asked) {
  const expected = STORE.getItem('state');
  const path = STORE.getItem('return') ?? '/';
  history.replaceState(null, '', path);
  if (asked.get('state') !== expected) return; // a link that somebody else made
  await askForTokens({
    grant_type: 'authorization_code',
    code: asked.get('code'),
    redirect_uri: home(),
    code_verifier: STORE.getItem('verifier'),
  });
}

// True where the refresh token gave new tokens.
export async function refresh() {
  const token = STORE.getItem('refresh_token');
  return token !== null && askForTokens({ grant_type: 'refresh_token', refresh_token: token });
}

async function askForTokens(grant) {
  const answer = await fetch(`${config.signIn}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: config.clientId, ...grant }),
  });
  if (!answer.ok) return false;
  for (const [name, value] of Object.entries(await answer.json())) STORE.setItem(name, value);
  return true;
}

export const idToken = () => STORE.getItem('id_token');
export const accessToken = () => STORE.getItem('access_token');

function claims(token) {
  const bytes = atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0))));
}
