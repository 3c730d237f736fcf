"""What can go wrong, one level deep; every message names the thing, the value found and the way out."""


class GviEvalError(Exception):
    """Base of the errors below, so that a script can catch all of them at once."""


class DataError(GviEvalError):
    """A table, a figure or a file does not keep the data contract."""


class DisclosureError(GviEvalError):
    """A file may identify a person; its message never repeats the value."""


class SourceError(GviEvalError):
    """A publisher's server did not answer, or not with what was asked for."""


class StudyError(GviEvalError):
    """A study file asks for something that does not exist or contradicts itself."""


class EstimationError(GviEvalError):
    """An estimator cannot compute what was asked from this panel."""
