"""What callers of an API meet.

http           a request's whole way                      routing     which route a request is for, compiled
events         payload formats 1.0 and 2.0                replies     what an integration's answer becomes
integrations   functions, HTTP endpoints, AWS services    mapping     parameters of requests and responses
authorizers    who may call
cors           preflights and headers for browsers
sockets        a WebSocket's whole life                   connections the WebSockets that are open
socket_routes, socket_events, socket_authorizers: the same for messages as above for requests
"""

from mrak.services.apigatewayv2.plane import http, sockets

__all__ = ["http", "sockets"]
