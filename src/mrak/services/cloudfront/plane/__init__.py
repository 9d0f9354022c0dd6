"""What viewers of a distribution meet.

viewer      a request's whole way                         behaviors   which behaviour, and what it says
selection   what goes into cache keys and to origins      cache       what is kept, and for how long
origins     buckets, our own APIs, any HTTP server        delivery    conditions, ranges, compression
functions   viewer functions: events and answers          javascript  the engine that runs them
fetching    from the cache or the origin                  policies    headers that responses are given
pages       CloudFront's own error pages                  signed      signed URLs and cookies
logs        where requests are logged                     records     what logs tell of a request
"""

from mrak.services.cloudfront.plane import viewer

__all__ = ["viewer"]
