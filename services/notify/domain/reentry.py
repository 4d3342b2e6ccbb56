"""What happens when somebody already on the way meets a journey's trigger again."""

from services.notify.domain.journey import ENTRIES_PARALLEL_MAX, Journey
from services.notify.domain.state import MemberState


def make_room(state: MemberState, journey: Journey) -> bool:
    """Apply the re-entry policy; False: the member does not enter."""
    under_way = [entry for entry in state.entries if entry.journey == journey.name]
    match journey.reentry:
        case "restart":
            for entry in under_way:
                state.entries.remove(entry)
            return True
        case "ignore":
            return not under_way
        case "parallel":
            return len(under_way) < ENTRIES_PARALLEL_MAX
        case "once":
            if journey.name in state.once:
                return False
            state.once = sorted([*state.once, journey.name])
            return True
