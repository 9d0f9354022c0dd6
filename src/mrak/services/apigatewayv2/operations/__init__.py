"""Operations of HTTP and WebSocket APIs, by resource.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/
"""
