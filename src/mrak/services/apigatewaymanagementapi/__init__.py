"""API Gateway's @connections: what backends do with the clients of a WebSocket API. Importing registers it.

operations    post to a connection, tell about it, close it       errors    whole messages
"""

from mrak.services.apigatewaymanagementapi import operations

__all__ = ["operations"]
