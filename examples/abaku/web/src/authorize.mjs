// Who opens a WebSocket? Cognito itself is asked what the access token says: it knows of revoked ones too.
import {
  CognitoIdentityProviderClient, GetUserCommand, NotAuthorizedException,
} from '@aws-sdk/client-cognito-identity-provider';

const cognito = new CognitoIdentityProviderClient();

export async function handler(event) {
  try {
    const user = await cognito.send(new GetUserCommand({ AccessToken: event.queryStringParameters.token }));
    const owner = user.UserAttributes.find(({ Name }) => Name === 'sub').Value;
    return policy('Allow', owner, event.methodArn);
  } catch (error) {
    if (error instanceof NotAuthorizedException) return policy('Deny', 'nobody', event.methodArn);
    throw error;
  }
}

function policy(Effect, owner, Resource) {
  const Statement = [{ Action: 'execute-api:Invoke', Effect, Resource }];
  return { principalId: owner, policyDocument: { Version: '2012-10-17', Statement }, context: { owner } };
}
