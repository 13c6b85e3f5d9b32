"""The Sedna exporter: watches Sedna's resources and worker pods, and serves what they say as metrics.

From the outside in: `cluster` speaks to the Kubernetes API, `watching` keeps up with it, `state` holds what is known,
`families` says which series an object makes, `exposing` keeps them as text, `server` hands them out.
"""
