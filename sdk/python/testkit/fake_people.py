"""The routes of the fake server that are about people."""

from __future__ import annotations

from fake_wire import Answer, Json, Request, page, problem


class FakePeople:
    """Members and their identities."""

    def __init__(self) -> None:
        self.members: dict[str, Json] = {}
        self.identities: list[Json] = []

    def _get_members(self, request: Request, *rest: str) -> Answer:
        if rest[1:]:
            return page(request, "identities", self.identities)
        if rest:
            there = self.members.get(rest[0])
            missing = problem(404, "not_found", f"there is no member {rest[0]}")
            return Answer(200, there) if there else missing
        return page(request, "members", list(self.members.values()))

    def _put_members(self, request: Request, name: str) -> Answer:
        before = self.members.get(name, {"id": name, "kind": "user", "role": "Viewer"})
        self.members[name] = {**before, **request.body["member"]}
        return Answer(200, self.members[name])

    def _post_members(self, request: Request, name: str, _: str) -> Answer:
        self.identities.append({**request.body, "member": name})
        return Answer(200, self.identities[-1])

    def _delete_members(self, _: Request, name: str, *rest: str) -> Answer:
        if rest:
            self.identities = [i for i in self.identities if i["identity"] != rest[1]]
        else:
            del self.members[name]
        return Answer(200, {})
