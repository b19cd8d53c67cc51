"""The second step of signing in: ticket and code open the session. The rules are in `mail.second_factor`."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from lettershop.mail.second_factor import TicketOver, TooManyCodes, WrongCode
from lettershop.mail.users import SignInFailed
from lettershop.servers.web.frame import Screen, Ui
from lettershop.servers.web.pages.doorway import OUT_OF_DATE, Doorway, busy
from lettershop.servers.web.ports import Services
from lettershop.servers.web.requests import client
from lettershop.servers.web.security import local_path


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/login/code`; a GET of it leads to the first step."""
    users, sessions, doorway = services.users, ui.sessions, Doorway(ui, services.users)

    async def show(request: Request) -> Response:
        return RedirectResponse("/login", 303)

    async def with_code(request: Request) -> Response:
        fields = await request.form()
        ticket, target = str(fields.get("ticket", "")), str(fields.get("next", "/"))
        if not sessions.trusted(request, sessions.before(request), fields):
            return doorway.password(request, problem=OUT_OF_DATE, status=403)
        try:
            agent = request.headers.get("user-agent", "")
            code = str(fields.get("code", ""))
            signed = await users.sign_in_with_code(ticket, code, ip=client(request.scope), user_agent=agent)
        except WrongCode as error:
            return doorway.code(request, ticket, target=target, problem=error.public, status=401)
        except (TicketOver, SignInFailed) as error:
            return doorway.password(request, problem=f"{error.public} {error.remedy}", status=401)
        except TooManyCodes as error:
            return busy(doorway.code(request, ticket, target=target, problem=error.public, status=429), error.wait)
        answer = RedirectResponse(local_path(target), 303)
        sessions.keep(request, answer, signed)
        return answer

    return Screen("sign-in-code", [Route("/login/code", show), Route("/login/code", with_code, methods=["POST"])])
