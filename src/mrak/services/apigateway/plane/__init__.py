"""What callers of a REST API meet.

http           a request's whole way                      routing      which resource and method, compiled
call           one request, and $context                  events       what functions get
authorizers    who may call                               access       API keys and usage plans
policies       resource policies
validation     models and required parameters             failures     the gateway's own answers
mapping        parameters and templates                   integrations what is behind a method
services       AWS services behind a method               replies      what comes back
execution      logs of executions
"""

from mrak.services.apigateway.plane import http

__all__ = ["http"]
