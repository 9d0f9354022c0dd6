"""AWS X-Ray: traces that applications send, and those that mrak's own services leave.

operations   one function for each operation     documents   segments: checked, made of operations' records
graphs       who called whom, of traces          tables      rows and their invariants
exports      what the observer may use           errors      the service's errors
"""

from mrak.services.xray import operations

__all__ = ["operations"]
