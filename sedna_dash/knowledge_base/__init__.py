"""The knowledge base reader: what Sedna's knowledge base server has stored, read without ever writing.

`database` opens the sqlite file, `tables` says which series Sedna's tables make, `custom` those that users register,
`index` which task groups the index file names, `reading` puts a whole reading together, and `cycle` repeats it.
"""

from sedna_dash.knowledge_base.cycle import KnowledgeBase
from sedna_dash.knowledge_base.reading import Limits, Reading, read

__all__ = ["KnowledgeBase", "Limits", "Reading", "read"]
