"""A durable function's side of the protocol, as small as it can be: what AWS's SDKs for durable functions do, without
them. The tests put it beside their handlers as `durable.py`."""

DURABLE = '''
import json
import boto3

client = boto3.client("lambda")


class Suspended(BaseException):
    pass


class Execution:
    def __init__(self, event):
        self.arn, self.token = event["DurableExecutionArn"], event["CheckpointToken"]
        state = event["InitialExecutionState"]
        first, *rest = state["Operations"]
        self.input = json.loads(first["ExecutionDetails"]["InputPayload"])
        self.steps = {step["Id"]: step for step in rest}
        marker = state["NextMarker"]
        while marker:
            page = client.get_durable_execution_state(
                DurableExecutionArn=self.arn, CheckpointToken=self.token, Marker=marker
            )
            self.steps |= {step["Id"]: step for step in page["Operations"]}
            marker = page.get("NextMarker", "")

    def checkpoint(self, *updates):
        answer = client.checkpoint_durable_execution(
            DurableExecutionArn=self.arn, CheckpointToken=self.token, Updates=list(updates)
        )
        self.steps |= {step["Id"]: step for step in answer["NewExecutionState"]["Operations"]}
        if "CheckpointToken" not in answer:
            raise Suspended
        self.token = answer["CheckpointToken"]

    def step(self, name, work):
        known = self.steps.get(name)
        if known is not None and known["Status"] == "SUCCEEDED":
            return json.loads(known["StepDetails"]["Result"])
        update = {"Id": name, "Name": name, "Type": "STEP"}
        if known is None:
            self.checkpoint(update | {"Action": "START"})
        result = work()
        self.checkpoint(update | {"Action": "SUCCEED", "Payload": json.dumps(result)})
        return result

    def wait_for(self, kind, name, details, **options):
        """What a WAIT, CALLBACK or CHAINED_INVOKE ended as: its status and details."""
        if name not in self.steps:
            self.checkpoint({"Id": name, "Name": name, "Type": kind, "Action": "START", **options})
        known = self.steps[name]
        if known["Status"] == "STARTED":
            raise Suspended
        return known["Status"], known.get(details, {})

    def sleep(self, name, seconds):
        return self.wait_for("WAIT", name, "WaitDetails", WaitOptions={"WaitSeconds": seconds})


def durable(work):
    def handler(event, context):
        try:
            result = work(Execution(event))
        except Suspended:
            return {"Status": "PENDING"}
        except Exception as error:
            told = {"ErrorType": type(error).__name__, "ErrorMessage": str(error)}
            return {"Status": "FAILED", "Error": told}
        return {"Status": "SUCCEEDED", "Result": json.dumps(result)}

    return handler
'''
