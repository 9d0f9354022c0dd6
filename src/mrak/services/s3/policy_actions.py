"""The actions that a bucket's policy may name, and what they are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from functools import lru_cache

from mrak.auth.matching import compile_pattern, match_units

BUCKET, OBJECT = "bucket", "object"

_OF_BUCKETS = """
    AllowVendedLogDeliveryForResource CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket
    DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite GetAccelerateConfiguration
    GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging
    GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration
    GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock
    GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration
    GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration
    GetMetricsConfiguration GetReplicationConfiguration ListBucket ListBucketMultipartUploads ListBucketVersions
    ListTagsForResource PauseReplication PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac
    PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration
    PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment
    PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
    PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration
    PutMetricsConfiguration PutReplicationConfiguration TagResource UntagResource
    UpdateBucketMetadataAnnotationTableConfiguration UpdateBucketMetadataInventoryTableConfiguration
    UpdateBucketMetadataJournalTableConfiguration
"""
_OF_OBJECTS = """
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectAnnotation DeleteObjectTagging
    DeleteObjectVersion DeleteObjectVersionAnnotation DeleteObjectVersionTagging GetObject GetObjectAcl
    GetObjectAnnotation GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging
    GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionAnnotation
    GetObjectVersionAnnotationForReplication GetObjectVersionAttributes GetObjectVersionForReplication
    GetObjectVersionTagging GetObjectVersionTorrent InitiateReplication ListMultipartUploadParts
    ListObjectAnnotations ListObjectVersionAnnotations ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl
    PutObjectAnnotation PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl
    PutObjectVersionAnnotation PutObjectVersionTagging ReplicateDelete ReplicateObject ReplicateObjectAnnotation
    ReplicateTags RestoreObject UpdateObjectEncryption
"""
# Of accounts, access points and the like: there are such actions, and a bucket's policy cannot grant them.
_OF_OTHERS = """
    AssociateAccessGrantsIdentityCenter CreateAccessGrant CreateAccessGrantsInstance CreateAccessGrantsLocation
    CreateAccessPoint CreateAccessPointForObjectLambda CreateJob CreateMultiRegionAccessPoint
    CreateStorageLensGroup DeleteAccessGrant DeleteAccessGrantsInstance DeleteAccessGrantsInstanceResourcePolicy
    DeleteAccessGrantsLocation DeleteAccessPoint DeleteAccessPointForObjectLambda DeleteAccessPointPolicy
    DeleteAccessPointPolicyForObjectLambda DeleteJobTagging DeleteMultiRegionAccessPoint
    DeleteStorageLensConfiguration DeleteStorageLensConfigurationTagging DeleteStorageLensGroup DescribeJob
    DescribeMultiRegionAccessPointOperation DissociateAccessGrantsIdentityCenter GetAccessGrant
    GetAccessGrantsInstance GetAccessGrantsInstanceForPrefix GetAccessGrantsInstanceResourcePolicy
    GetAccessGrantsLocation GetAccessPoint GetAccessPointConfigurationForObjectLambda
    GetAccessPointForObjectLambda GetAccessPointPolicy GetAccessPointPolicyForObjectLambda
    GetAccessPointPolicyStatus GetAccessPointPolicyStatusForObjectLambda GetAccountPublicAccessBlock
    GetDataAccess GetJobTagging GetMultiRegionAccessPoint GetMultiRegionAccessPointPolicy
    GetMultiRegionAccessPointPolicyStatus GetMultiRegionAccessPointRoutes GetStorageLensConfiguration
    GetStorageLensConfigurationTagging GetStorageLensDashboard GetStorageLensGroup ListAccessGrants
    ListAccessGrantsInstances ListAccessGrantsLocations ListAccessPoints ListAccessPointsForObjectLambda
    ListAllMyBuckets ListCallerAccessGrants ListJobs ListMultiRegionAccessPoints ListStorageLensConfigurations
    ListStorageLensGroups PutAccessGrantsInstanceResourcePolicy PutAccessPointConfigurationForObjectLambda
    PutAccessPointPolicy PutAccessPointPolicyForObjectLambda PutAccessPointPublicAccessBlock
    PutAccountPublicAccessBlock PutJobTagging PutMultiRegionAccessPointPolicy PutStorageLensConfiguration
    PutStorageLensConfigurationTagging SubmitMultiRegionAccessPointRoutes UpdateAccessGrantsLocation
    UpdateJobPriority UpdateJobStatus UpdateStorageLensGroup
"""


@lru_cache(maxsize=1024)
def kinds_of(action: str) -> frozenset[str] | None:
    """What the actions that a pattern matches are done to; None where there is no such action."""
    if action == "*":
        return frozenset((BUCKET, OBJECT))
    if not action.lower().startswith("s3:"):
        return None
    found = [kind for names, kind in _tables() if matches_any(action, names)]
    return frozenset(found) - {""} if found else None


def matches_any(action: str, names: list[str]) -> bool:
    """Whether a pattern of actions matches one of these names, which are in lower case and without a service."""
    if action == "*":
        return True
    units = compile_pattern(action.lower().partition(":")[2], with_variables=False).units or ()
    return any(match_units(units, name) for name in names)


@lru_cache(maxsize=1)
def _tables() -> tuple[tuple[list[str], str], ...]:
    return tuple(
        (names.lower().split(), kind)
        for names, kind in ((_OF_BUCKETS, BUCKET), (_OF_OBJECTS, OBJECT), (_OF_OTHERS, ""))
    )
