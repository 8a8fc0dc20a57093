"""The labels of a header shown in the text of a mail, as mail programs write them in the languages people use.

One spelling may serve several languages; where it means different things in them (Danish "til", Turkish "konu"), it still has one role here.
"""

from __future__ import annotations

import re
from enum import Enum, auto

_FROM = (
    "from|von|de|da|van|från|fra|od|от|від|від кого|от кого|lähettäjä|kimden|gönderen|feladó|de la|expéditeur|remitente|mittente|afzender|avsändare|"
    "nadawca|отправитель|odesílatel|από|šalje|kellelt|từ|dari|发件人|寄件者|寄件人|差出人|送信者|보낸 사람|보낸사람|מאת|من"
)
_DATE = (
    "date|sent|sent at|sent on|gesendet|gesendet am|datum|envoyé|envoye|envoyé le|date d'envoi|message du|enviado|enviado el|enviado em|enviada em|enviada|fecha|"
    "data|inviato|inviato il|data invio|verzonden|verzonden op|skickat|skickades|sendt|dato|wysłano|wysłane|data wysłania|отправлено|дата|дата и время|"
    "надіслано|lähetetty|päivämäärä|päiväys|tarih|gönderildi|gönderme tarihi|gönderilme|odesláno|odoslané|dátum|küldve|elküldve|trimis|στάλθηκε|"
    "ημερομηνία|poslano|enviat|đã gửi|ngày|dikirim|tanggal|发送时间|发送日期|日期|时间|傳送時間|寄件日期|送信日時|日付|日時|送信日|보낸 날짜|날짜|보낸날짜|נשלח|תאריך|تاريخ|"
    "تم الإرسال|التاريخ"
)
_SUBJECT = (
    "subject|betreff|betr|objet|sujet|asunto|assunto|oggetto|onderwerp|ämne|emne|temat|тема|aihe|konu|předmět|predmet|tárgy|subiect|θέμα|assumpte|"
    "chủ đề|tiêu đề|subjek|perihal|主题|主旨|標題|件名|제목|נושא|الموضوع"
)
_TO = (
    "to|an|à|a|para|per|aan|till|til|do|dla|кому|vastaanottaja|kime|alıcı|komu|címzett|către|catre|προς|za|prima|destinataire|destinatario|"
    "destinatário|per a|đến|tới|kepada|收件人|收件者|宛先|받는 사람|받는사람|אל|إلى"
)
_OTHER = (
    "cc|bcc|cci|cco|ccn|kopie|kopi|kopia|copie|copia|copie à|con copia|dw|udw|копия|копія|kopio|bilgi|kopie an|blindkopie|másolat|másolatot kap|reply-to|reply to|"
    "antwort an|répondre à|responder a|responder para|rispondi a|antwoord aan|svar till|svar til|ответить|organization|organisation|importance|"
    "attachments?|anlagen?|anhänge?|pièces? jointes?|adjuntos?|datos adjuntos|anexos?|allegat[io]|bijlagen?|bilagor|vedlegg|vedhæftede filer|załączniki|вложения|priority|"
    "priorität|priorité|prioridad|wichtigkeit|sensitivity|categories|resent-from|resent-to|resent-date|message-id|抄送|副本|附件|密件抄送|참조|첨부"
)


class Role(Enum):
    """What the value behind a label is."""

    FROM = auto()
    DATE = auto()
    SUBJECT = auto()
    TO = auto()
    OTHER = auto()


FROM = _FROM
"""Alternatives of a pattern: the labels of the sender."""
LEADING = f"{_FROM}|{_DATE}|{_SUBJECT}"
"""Alternatives of a pattern: the labels a header block may begin with."""
ANY = f"{_FROM}|{_DATE}|{_SUBJECT}|{_TO}|{_OTHER}"
"""Alternatives of a pattern: all labels."""

_ROLES = {
    label: role
    for role, labels in ((Role.TO, _TO), (Role.SUBJECT, _SUBJECT), (Role.DATE, _DATE), (Role.FROM, _FROM))
    for label in labels.split("|")
}
_OTHERS = re.compile(_OTHER)


def role(label: str) -> Role | None:
    """What a label (without its colon, in any case) announces; None when it is none we know."""
    label = " ".join(label.lower().split())
    return _ROLES.get(label) or (Role.OTHER if _OTHERS.fullmatch(label) else None)
