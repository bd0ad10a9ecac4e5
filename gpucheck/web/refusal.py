"""Why an address is not answered, in a person's words."""

from gpucheck.model.base import GpucheckError

TITLES = {
    400: "This address cannot be read",
    403: "Refused",
    404: "Not there",
    405: "For reading alone",
    500: "A fault of gpucheck",
    503: "The inventory cannot be used",
}


class RefusalError(GpucheckError):
    """A request that is answered with a status and a sentence instead of a page."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
