"""AWS Certificate Manager.

operations    one function for each operation     certificates   look-up, states, rendering
x509          keys and certificates, and the authority that signs them (cryptography, loaded at first use)
workers       validation, by the clock            tables         rows and their invariants
errors        the service's errors
"""

from mrak.services.acm import operations, workers

__all__ = ["operations", "workers"]
