"""The hosted pages of a user pool, its OAuth 2.0 endpoints and its keys.

wellknown   keys and discovery     oauth   the endpoints for programs     forms   the pages for people
html        how pages look         visits  who is in front of the browser  plane  which request is for which of them
"""
