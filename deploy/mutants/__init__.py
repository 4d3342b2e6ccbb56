"""Do the tests notice? Random changes to the code, one at a time, held against an area's tests.

`operators` says how a node of code can be changed, `finding` where, `exclusions` what is
left alone by kind, `sampling` draws by seed, `covering` learns which test runs which line, `worker`
runs the tests of one changed tree in a fork of a warm process, `equivalent` knows the changes that
change no behaviour.
"""
