// What Amplify's users have in their browsers: unsigned calls, SRP, then the user's attributes.
const { CognitoUserPool, CognitoUser, AuthenticationDetails } = require('amazon-cognito-identity-js');
const [endpoint, pool, client, name, password] = process.argv.slice(2);
const users = new CognitoUserPool({ UserPoolId: pool, ClientId: client, endpoint });
const user = new CognitoUser({ Username: name, Pool: users });
user.authenticateUser(new AuthenticationDetails({ Username: name, Password: password }), {
  onSuccess: (session) => {
    user.getUserAttributes((error, attributes) => {
      if (error) throw error;
      console.log(JSON.stringify([session.getIdToken().payload['cognito:username'], attributes.length]));
    });
  },
  onFailure: (error) => console.log(JSON.stringify([error.name, error.message])),
});
