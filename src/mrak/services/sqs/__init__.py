"""Amazon SQS. Importing this package registers its operations and background work.

operations    one function for each operation          queue       settings of a queue: parse, check, render
messages      send, take, return, delete               redrive     dead letters
batches       up to ten entries, each with its result  attributes  message attributes and their MD5
tables        rows and their invariants                rules       checks beyond the model
errors        the service's errors                     exports     what other services may use
"""

from mrak.services.sqs import access, operations, workers

__all__ = ["access", "operations", "workers"]
