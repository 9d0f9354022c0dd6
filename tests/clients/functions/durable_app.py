"""A durable function written with AWS's SDK: steps, retries, waits, a callback, branches, a chained function."""

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

SOON = RetryStrategyConfig(max_attempts=3, initial_delay=Duration.from_seconds(1))


def flaky(step):
    if step.attempt < 2:
        raise RuntimeError("not yet")
    return "at last"


@durable_execution
def handler(event, context: DurableContext):
    total = context.step(lambda _: event["n"] + 1, name="add")
    context.wait(Duration.from_seconds(1))
    tried = context.step(flaky, name="flaky", config=StepConfig(retry_strategy=create_retry_strategy(SOON)))
    chained = context.invoke("durable-link:$LATEST", {"n": total}, name="link")
    squares = context.map(
        [1, 2, 3], lambda child, item, index, items: child.step(lambda _: item * item), name="squares"
    )
    callback = context.create_callback(name="answer", config=CallbackConfig(timeout=Duration.from_seconds(60)))
    answer = callback.result()
    return {
        "total": total,
        "tried": tried,
        "chained": chained,
        "squares": squares.get_results(),
        "answer": answer,
    }
