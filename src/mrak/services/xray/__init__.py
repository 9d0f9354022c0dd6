"""AWS X-Ray: traces that applications send, and those that mrak's own services leave.

operations   segments, traces, graphs            documents   segments: checked, made of operations' records
groups       groups and insights' settings       sampling    sampling rules and what samplers report
settings     policies, encryption, tags          spans       what the segments of a trace say together
graphs       who called whom, of spans           filters     filter expressions: grammar and evaluation
exports      what the observer may use           tables      rows and their invariants
errors       the service's errors
"""

from mrak.services.xray import groups, operations, sampling, settings

__all__ = ["groups", "operations", "sampling", "settings"]
