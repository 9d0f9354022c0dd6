"""A function of a custom runtime: AWS's own runtime client for Python runs it."""


def handler(event, context):
    if event.get("fail"):
        raise LookupError("as asked")
    return {"event": event, "id": context.aws_request_id, "left": context.get_remaining_time_in_millis() > 0}
