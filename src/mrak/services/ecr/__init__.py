"""Amazon ECR's repositories, as names: stacks and tools make, ask for and delete them. No registry is behind them, so
nothing can be pushed. Importing this package registers its operations.

operations   one function for each operation
tables       rows and their invariants               errors   the service's errors
"""

from mrak.services.ecr import operations

__all__ = ["operations"]
