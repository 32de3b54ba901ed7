/* twin_stream.c - blocks, and what they changed, as records. */
#include "twin_stream.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 64 << 20 };

static void put_change(scale_writer_t *w, bytes_t key, bytes_t value, bool is_removed)
{
    scale_put_bytes(w, key);
    scale_put_option(w, !is_removed);
    if (!is_removed) scale_put_bytes(w, value);
}

static void write_out(twin_stream_t *stream)
{
    bytes_t bytes = scale_written(&stream->out);
    if (stream->out.failed || fwrite(bytes.data, 1, bytes.len, stdout) != bytes.len) {
        fprintf(stderr, "the stream cannot be written\n");
        exit(1);
    }
    stream->out.len = 0;
}

static void put_block(twin_stream_t *stream, const hash_t *hash)
{
    bytes_t header, body = BYTES("\0");
    stream->arena.used = 0;
    if (!chain_header(stream->chain, hash, &stream->arena, &header)) abort();
    (void)chain_body(stream->chain, hash, &stream->arena, &body);
    scale_put_bytes(&stream->out, header);
    scale_put_bytes(&stream->out, body);
}

static void write_genesis(twin_stream_t *stream)
{
    hash_t genesis = chain_genesis(stream->chain).hash;
    bytes_t key    = {0}, value;
    uint32_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) put_block(stream, &genesis), scale_put_compact(&stream->out, count);
        for (key = BYTES(""), count = 0;; count++) {
            if (!chain_state_next_key(stream->chain, &genesis, key, &stream->arena, &key)) break;
            if (pass == 0) continue;
            if (!chain_state_get(stream->chain, &genesis, key, &stream->arena, &value)) abort();
            put_change(&stream->out, key, value, false);
        }
    }
    write_out(stream);
}

static void on_event(void *self, const chain_event_t *event)
{
    twin_stream_t *stream = self;
    if (event->kind != CHAIN_IMPORTED) return;
    put_block(stream, &event->block.hash);
    scale_put_compact(&stream->out, event->values->count);
    for (uint32_t i = 0; i < event->values->count; i++) {
        const change_t *change = &event->values->items[i];
        put_change(&stream->out, change->key, change->value, change->is_removed);
    }
    write_out(stream);
}

void twin_stream_start(twin_stream_t *stream, chain_t *chain)
{
    void *out = malloc(ROOM);
    *stream   = (twin_stream_t){
          .chain = chain, .arena = {malloc(ROOM), ROOM, 0},
               .out = scale_writer(out, ROOM)
    };
    if (!out || !stream->arena.start) abort();
    write_genesis(stream);
    chain_listen(chain, on_event, stream);
}

void twin_stream_end(twin_stream_t *stream)
{
    chain_unlisten(stream->chain, on_event, stream);
    free(stream->arena.start);
    free(stream->out.start);
}
