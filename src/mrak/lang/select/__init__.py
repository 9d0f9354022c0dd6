"""The SQL of S3 Select: one SELECT over one object's records.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-select.html

tokens     text to tokens                       tree         what a SELECT is made of
syntax     tokens to a tree                     expressions  a tree to a function of a record
values     what values are, how they meet       times        timestamps and their functions
functions  scalar functions                     query        a compiled SELECT: records in, rows out
formats    bytes to records, rows to bytes
"""
