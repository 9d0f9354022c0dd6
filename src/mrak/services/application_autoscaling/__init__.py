"""Application Auto Scaling: targets, policies and scheduled actions, as settings.

operations   one function for each operation     tables   rows and their invariants     errors   the service's errors
targets      what operations and exports share   exports  what DynamoDB may do
"""

from mrak.services.application_autoscaling import operations

__all__ = ["operations"]
