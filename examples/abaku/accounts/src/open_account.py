"""Called by Cognito when a user has confirmed the address: stores the firm's profile, whose stream tells the others."""

import os

import boto3

profiles = boto3.resource("dynamodb").Table(os.environ["PROFILES"])


def handler(event, context):
    # A changed password is confirmed too, and is no new account.
    if event["triggerSource"] == "PostConfirmation_ConfirmSignUp":
        attributes = event["request"]["userAttributes"]
        # Cognito may call twice: the same profile put again is no INSERT in the stream.
        profiles.put_item(Item={"owner": attributes["sub"], "firm": attributes["name"], "email": attributes["email"]})
    return event
