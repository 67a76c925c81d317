"""Rewrites Whisper's tokenizer.json into the older layout that every tokenizer library reads.

Merges become "left right" strings, the end-of-text token stands in the vocabulary too, and token 50362
gets its usual name; tokenizer_config.json is derived from the same file.

usage: whisper_tokenizer.py OUT_DIR TOKENIZER_JSON
"""

import json
import os
import sys

END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 50257


def rewrite_tokenizer(tokenizer):
    for token in tokenizer["added_tokens"]:
        if token["content"] == "<|nospeech|>":
            token["content"] = "<|nocaptions|>"
    model = tokenizer["model"]
    del model["ignore_merges"]
    model["vocab"][END_OF_TEXT] = END_OF_TEXT_ID
    model["merges"] = [" ".join(pair) for pair in model["merges"]]
    return tokenizer


def tokenizer_config(tokenizer):
    added = tokenizer["added_tokens"]
    fields = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(token["id"]): {field: token[field] for field in fields} for token in added
        },
        "additional_special_tokens": [token["content"] for token in added if token["special"]],
        "bos_token": END_OF_TEXT,
        "clean_up_tokenization_spaces": True,
        "eos_token": END_OF_TEXT,
        "errors": "replace",
        "model_max_length": 1024,
        "pad_token": END_OF_TEXT,
        "processor_class": "WhisperProcessor",
        "return_attention_mask": False,
        "tokenizer_class": "WhisperTokenizer",
        "unk_token": END_OF_TEXT,
    }


def main(out_dir, tokenizer_json):
    with open(tokenizer_json, encoding="utf-8") as file:
        tokenizer = rewrite_tokenizer(json.load(file))
    os.makedirs(out_dir, exist_ok=True)
    with open(os.path.join(out_dir, "tokenizer.json"), "w", encoding="utf-8") as file:
        json.dump(tokenizer, file, indent=2, ensure_ascii=False)
    with open(os.path.join(out_dir, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump(tokenizer_config(tokenizer), file, indent=2, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
