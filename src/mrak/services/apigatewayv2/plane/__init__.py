"""What callers of an API meet.

http           a request's whole way                      routing     which route a request is for, compiled
events         payload formats 1.0 and 2.0                replies     what an integration's answer becomes
integrations   functions, HTTP endpoints, AWS services    mapping     parameters of requests and responses
authorizers    who may call                               tokens      JSON Web Tokens and their keys
cors           preflights and headers for browsers
"""

from mrak.services.apigatewayv2.plane import http

__all__ = ["http"]
