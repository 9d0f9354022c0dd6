"""Amazon S3. Importing this package registers its operations and background work.

tables        rows and their invariants              names        buckets, owners, versions, uploads
buckets       a bucket and its settings              objects      versions of objects
contents      where bodies are                       checksums    of bodies, and of their parts
access        policies, ACLs, public access          acls         access control lists
drafts        a version before its body              encryption   headers of server-side encryption
effects       what follows from a change             events       the JSON of notifications
selecting     S3 Select                              logs         access logs
"""

from mrak.services.s3 import (
    acl_operations,
    annotations,
    bucket_operations,
    completion,
    copying,
    cors,
    expiry,
    lifecycle,
    listings,
    logs,
    metadata_tables,
    multipart,
    notifications,
    policies,
    posts,
    reading,
    replication,
    reports,
    selecting,
    setting_operations,
    subresources,
    website,
    workers,
    writing,
)

__all__ = [
    "acl_operations",
    "annotations",
    "bucket_operations",
    "completion",
    "copying",
    "cors",
    "expiry",
    "lifecycle",
    "listings",
    "logs",
    "metadata_tables",
    "multipart",
    "notifications",
    "policies",
    "posts",
    "reading",
    "replication",
    "reports",
    "selecting",
    "setting_operations",
    "subresources",
    "website",
    "workers",
    "writing",
]
