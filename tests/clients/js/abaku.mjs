// The case study through the AWS SDK for JavaScript v3 and Amplify's SRP: sign in, issue, pay with a user's own credentials,
// and see the workflow end. The argument is JSON: outputs of the stacks, and a user's email and password.
import { CognitoIdentityClient, GetCredentialsForIdentityCommand, GetIdCommand } from '@aws-sdk/client-cognito-identity';
import { CognitoIdentityProviderClient, GetUserCommand } from '@aws-sdk/client-cognito-identity-provider';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import cognito from 'amazon-cognito-identity-js';

const { accounts, payments, collection, web, email, password } = JSON.parse(process.argv[2]);
const endpoint = process.env.AWS_ENDPOINT_URL;

async function until(look) {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error(`nothing came: ${look}`);
}

const pool = new cognito.CognitoUserPool({
  UserPoolId: accounts.UserPoolId, ClientId: accounts.ProgramsClientId, endpoint,
});
const session = await new Promise((onSuccess, onFailure) => {
  const details = new cognito.AuthenticationDetails({ Username: email, Password: password });
  new cognito.CognitoUser({ Username: email, Pool: pool }).authenticateUser(details, { onSuccess, onFailure });
});
const token = session.getIdToken().getJwtToken();
const AccessToken = session.getAccessToken().getJwtToken();
const user = await new CognitoIdentityProviderClient().send(new GetUserCommand({ AccessToken }));
const attributes = Object.fromEntries(user.UserAttributes.map(({ Name, Value }) => [Name, Value]));

async function api(method, path, content) {
  const answer = await fetch(`${endpoint}/_aws/cloudfront/${web.Distribution}/api${path}`, {
    method, headers: { authorization: token }, body: content && JSON.stringify(content),
  });
  return answer.json();
}
const invoice = await api('POST', '/invoices', {
  customer: { name: 'Brno Bikes', phone: '+420601234567' },
  lines: [{ text: 'Logo', quantity: 2, unitPriceCents: 60_500 }],
});

const identities = new CognitoIdentityClient();
const Logins = { [`cognito-idp.us-east-1.amazonaws.com/${accounts.UserPoolId}`]: token };
const { IdentityId } = await identities.send(new GetIdCommand({ IdentityPoolId: accounts.IdentityPoolId, Logins }));
const { Credentials } = await identities.send(new GetCredentialsForIdentityCommand({ IdentityId, Logins }));
const credentials = {
  accessKeyId: Credentials.AccessKeyId, secretAccessKey: Credentials.SecretKey, sessionToken: Credentials.SessionToken,
};
const statement = `id,date,amount,currency,reference,payer\nJ-1,${invoice.issuedOn},1210.00,EUR,${invoice.number},Brno Bikes\n`;
await new S3Client({ credentials, forcePathStyle: true }).send(new PutObjectCommand({
  Bucket: payments.Statements, Key: `${attributes.sub}/javascript.csv`, Body: statement,
}));
const paid = await until(async () => {
  const shown = await api('GET', `/invoices/${invoice.number}`);
  return shown.status === 'PAID' && shown;
});

const workflows = new SFNClient();
const run = await until(async () => {
  const { executions } = await workflows.send(new ListExecutionsCommand({ stateMachineArn: collection.Collect }));
  for (const { executionArn } of executions) {
    const shown = await workflows.send(new DescribeExecutionCommand({ executionArn }));
    const { owner, number } = JSON.parse(shown.input).detail;
    if (owner === attributes.sub && number === invoice.number && shown.status !== 'RUNNING') return shown;
  }
  return undefined;
});
console.log(JSON.stringify({
  firm: attributes.name, amountCents: invoice.amountCents, status: paid.status, workflow: run.status,
  outcome: JSON.parse(run.output).outcome,
}));
