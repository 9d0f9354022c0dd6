package com.amazonaws.services.lambda.runtime;

/** Who called, where a Cognito identity did. */
public interface CognitoIdentity {
    String getIdentityId();

    String getIdentityPoolId();
}
