// A second factor, a device that is remembered, and one that is forgotten.
const { CognitoUserPool, CognitoUser, AuthenticationDetails } = require('amazon-cognito-identity-js');
const { createHmac } = require('crypto');
const [endpoint, pool, client, name, password] = process.argv.slice(2);
const users = new CognitoUserPool({ UserPoolId: pool, ClientId: client, endpoint });
const waits = (work, onSuccess = 'onSuccess') =>
  new Promise((resolve, reject) => work({ [onSuccess]: resolve, onFailure: reject }));
let secret = '';
function code(ahead) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + ahead));
  const bytes = bits.match(/.{8}/g).map((byte) => parseInt(byte, 2));
  const digest = createHmac('sha1', Buffer.from(bytes)).update(step).digest();
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(number % 1000000).padStart(6, '0');
}
async function signIn() {
  const user = new CognitoUser({ Username: name, Pool: users });
  const asked = [];
  await new Promise((resolve, reject) => {
    const done = { onSuccess: resolve, onFailure: reject };
    user.authenticateUser(new AuthenticationDetails({ Username: name, Password: password }), {
      ...done,
      totpRequired: (kind) => { asked.push(kind); user.sendMFACode(code(1), done, kind); },
    });
  });
  return [user, asked];
}
(async () => {
  const [user, first] = await signIn();
  secret = await waits((done) => user.associateSoftwareToken(done), 'associateSecretCode');
  await waits((done) => user.verifySoftwareToken(code(0), 'phone', done));
  const preferred = { Enabled: true, PreferredMfa: true };
  await new Promise((resolve) => user.setUserMfaPreference(null, preferred, resolve));
  await waits((done) => user.setDeviceStatusRemembered(done));
  const [again, remembered] = await signIn();
  await waits((done) => again.setDeviceStatusNotRemembered(done));
  const [last, forgotten] = await signIn();
  const { Devices } = await waits((done) => last.listDevices(10, null, done));
  await waits((done) => last.forgetDevice(done));
  console.log(JSON.stringify({ first, remembered, forgotten, devices: Devices.length }));
})();
