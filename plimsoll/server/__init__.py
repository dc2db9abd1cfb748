"""The receivers: what API servers, Falco and sensors post is on the disk before it is acknowledged.

doors      what can be posted where, and how a body becomes lines
journal    the lines on disk, in segments, until they were judged
app        HTTP: a request through a door into its journal
"""
