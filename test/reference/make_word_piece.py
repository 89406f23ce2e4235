"""WordPiece by transformers' BertTokenizer (uncased). usage: python make_word_piece.py --out word-piece.json   (transformers, any version)
Pieces are those that are here; each text with the tokens that it is cut into."""
import argparse, json, os, tempfile

pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "the", "photo", "of", "cat", "un", "##aff", "##able", "##s", "cafe", "mu", "##ns", "##ter", ".", ",", "!",
          "'", "-", "$", "5", "##0", "中", "国", "w", "##o", "##r", "##d", "x", "##y", "^", "`", "~", "|", "<", ">", "=", "+", "\u00df", "i", "##i"]
texts = ["a photo of a cat.", "The CATS, unaffable!", "Café Münster", "cafe\u0301", "中国 cat中", "word words xyz", "$50 -5", "a\tphoto\nof\r\nthe  cat", "don't", "a\u200bcat a\u0000b",
         "^`~|<>=+", "x" * 120, "", "  ", "\ufeffcat", "a–b … “cat”", "Stra\u00dfe \u00df", "İi I", "cat🙂 cat", "un-affable", "a\u00a0cat\u3000photo", "한국 cat"]
parser = argparse.ArgumentParser()
parser.add_argument("--out", required=True)
args = parser.parse_args()
from transformers import BertTokenizer
with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "vocab.txt")
    with open(file, "w", encoding="utf-8") as out: out.write("\n".join(pieces) + "\n")
    tokenizer = BertTokenizer(file, do_lower_case=True)
with open(args.out, "w") as out:
    json.dump({"pieces": pieces, "texts": [{"text": text, "tokens": tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text))} for text in texts]}, out, ensure_ascii=True)
