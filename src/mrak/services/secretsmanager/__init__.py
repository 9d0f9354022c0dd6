"""AWS Secrets Manager.

operations   one function for each operation     secrets      look-up by name or ARN, versions, staging labels
tables       rows and their invariants           passwords    GetRandomPassword
errors       the service's errors                exports      read-only look-ups for other services
"""

from mrak.services.secretsmanager import operations, workers

__all__ = ["operations", "workers"]
