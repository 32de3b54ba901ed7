/* bip39.h - the list of words that mnemonics are made of. */
#ifndef BIP39_H
#define BIP39_H

#define BIP39_WORD_COUNT 2048

extern const char *const bip39_english[BIP39_WORD_COUNT];

#endif
