"""Amazon CloudFront. Importing this package registers operations and the data plane.

operations/     one function for each operation, by resource     plane/       what viewers of a distribution meet
distributions   rows and names of distributions                  configs      their configuration: defaults and checks
parts           policies, access controls and keys               managed      AWS's managed policies
tables          rows and their invariants                        listing      pages of lists
errors          whole messages
"""

from mrak.services.cloudfront import plane
from mrak.services.cloudfront.operations import (
    access,
    distributions,
    functions,
    invalidations,
    logs,
    policies,
    stores,
    tags,
)

__all__ = ["access", "distributions", "functions", "invalidations", "logs", "plane", "policies", "stores", "tags"]
