"""Application Auto Scaling: targets, policies and scheduled actions, as settings.

operations   one function for each operation     tables   rows and their invariants     errors   the service's errors
"""

from mrak.services.application_autoscaling import operations

__all__ = ["operations"]
