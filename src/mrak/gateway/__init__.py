"""From an HTTP request to an operation and back.

pipeline         the order of things, for every request      router    which service and protocol, a total table
authentication   whose request it is, and in which scope     hosts     what a host name says
admin            /_mrak and /_localstack                     browsers  what pages of other origins may do
"""
