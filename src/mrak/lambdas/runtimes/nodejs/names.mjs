// Names under .localhost are this machine (RFC 6761, section 6.3), also where the system's resolver does not know them:
// a function reaches an API, a user pool's pages or a distribution by the name that mrak gave it.
import dns from "node:dns";

const LOCAL = /\.localhost\.?$/i;

function redirect(lookup) {
  const redirected = (name, ...rest) => lookup(LOCAL.test(name) ? "localhost" : name, ...rest);
  // What util.promisify knows of the original.
  return Object.defineProperties(redirected, Object.getOwnPropertyDescriptors(lookup));
}

export function resolveLocalNames() {
  dns.lookup = redirect(dns.lookup);
  dns.promises.lookup = redirect(dns.promises.lookup);
}
