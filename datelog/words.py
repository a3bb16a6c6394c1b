"""The page's words in its two languages, and which of them a browser asks for. Too few for a catalogue."""

from dataclasses import dataclass
from typing import Final

from django.utils.translation.trans_real import parse_accept_lang_header


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """All that the page says, in one language."""

    language: str
    title: str
    save: str
    saved: str
    not_yet_listed: str
    not_saved: str
    newest_first: str
    older_times: str
    empty: str
    unreadable: str
    zone: str
    newest: str
    older: str
    pages: str
    bad_link: str


ENGLISH: Final = Words(
    language="en",
    title="Saved times",
    save="Save the current time",
    saved="Saved:",
    not_yet_listed="It will be in the list in a moment.",
    not_saved="The time may not have been saved. Look at the list before you try again.",
    newest_first="Newest first",
    older_times="Older times, newest first",
    empty="Nothing is saved yet.",
    unreadable="The saved times can’t be read right now. Try again in a moment.",
    zone="Time zone of all times:",
    newest="Newest times",
    older="Older times",
    pages="Pages",
    bad_link="This link leads nowhere. Here are the newest times.",
)

JAPANESE: Final = Words(
    language="ja",
    title="保存された日時",
    save="現在の日時を保存",
    saved="保存しました：",
    not_yet_listed="まもなく一覧に表示されます。",
    not_saved="保存できなかった可能性があります。もう一度試す前に一覧を確認してください。",
    newest_first="新しい順",
    older_times="以前の日時（新しい順）",
    empty="まだ何も保存されていません。",
    unreadable="現在、保存された日時を読み込めません。しばらくしてからもう一度お試しください。",
    zone="日時のタイムゾーン：",
    newest="最新の日時",
    older="以前の日時",
    pages="ページ",
    bad_link="このリンク先はありません。最新の日時を表示しています。",
)


def words_for(accept_language: str) -> Words:
    """Return the words for an Accept-Language header, English when it names neither language."""
    for tag, _quality in parse_accept_lang_header(accept_language):
        match tag.split("-")[0]:
            case "ja":
                return JAPANESE
            case "en":
                return ENGLISH
    return ENGLISH
