"""The stream runtime: what turns handlers and a domain into a service.

`service` runs a process; `group` joins Kafka and gives each partition a `lane`; a lane turns
records into batches (`intake`), one transaction each (`positions`, `timeline`), and sets aside what
cannot be processed (`repair`, `dead_letters`). `http` is the edge that every service has.
"""
