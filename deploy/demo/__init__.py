"""The demo: one real year of a real grocery chain through all four services; and a chain made up.

- `year`: the data of 84.51° as events, `publish`: events over HTTP into ingest
- `services`, `catch_up`, `figures`, `report`: what became of them, from the services' own APIs
- `run`: all of it in order
- `generate`: a synthetic chain of any size, for load and for tests
"""
