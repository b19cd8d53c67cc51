"""The two forms of signing in: address and password, then the code where one is asked for."""

from starlette.requests import Request
from starlette.responses import Response

from lettershop.servers.web.frame import Ui
from lettershop.servers.web.ports import SignIn
from lettershop.servers.web.security import local_path

OUT_OF_DATE = "This form was out of date. Please try again."


class Doorway:
    """Draws them; the token in both is the one that a cookie of this browser repeats."""

    def __init__(self, ui: Ui, users: SignIn) -> None:
        self._ui = ui
        self._users = users

    def password(self, request: Request, *, email: str = "", problem: str = "", status: int = 200) -> Response:
        """Address and password."""
        token = self._ui.sessions.before(request) or self._users.form_token()
        target = local_path(request.query_params.get("next", "/"))
        answer = self._ui.answer(
            "signin.html", request, status=status, token=token, target=target, email=email,
            problem=problem,
        )  # fmt: skip
        self._ui.sessions.keep_before(request, answer, token)
        return answer

    def code(self, request: Request, ticket: str, *, target: str, problem: str = "", status: int = 200) -> Response:
        """The code, for the ticket that the right password gave."""
        return self._ui.answer(
            "signin_code.html", request, status=status, token=self._ui.sessions.before(request),
            ticket=ticket, target=local_path(target), problem=problem,
        )  # fmt: skip


def busy(answer: Response, wait: float) -> Response:
    """The answer with the seconds after which to come back."""
    answer.headers["retry-after"] = str(max(1, round(wait)))
    return answer
