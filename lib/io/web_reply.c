/* web_reply.c - see web_reply.h. */
#include "web_reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_FIRST 256

static bool body_add(web_reply_t *reply, bytes_t piece)
{
    if (piece.len > WEB_REPLY_MAX - reply->body_len) return false;
    uint32_t need = reply->body_len + piece.len;
    if (need > reply->body_cap) {
        reply->body_cap = need < BODY_FIRST ? BODY_FIRST : need * 2;
        reply->body     = realloc(reply->body, reply->body_cap);
        if (!reply->body) abort();
    }
    if (piece.len) memcpy(reply->body + reply->body_len, piece.data, piece.len);
    reply->body_len = need;
    return true;
}

/* ---- the head ---- */

typedef struct {
    bool has_len, is_chunked, is_closed, is_kept;
    uint64_t len;
} fields_t;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool number_read(const char *text, size_t len, uint64_t *number)
{
    *number = 0;
    if (len == 0 || len > 15) return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i])) return false;
        *number = *number * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

/* A value may be a list by commas. */
static bool has_word(const char *text, size_t len, const char *word)
{
    while (len > 0) {
        size_t skip = strspn(text, " \t,") < len ? strspn(text, " \t,") : len;
        text += skip;
        len -= skip;
        size_t item = strcspn(text, " \t,") < len ? strcspn(text, " \t,") : len;
        if (item > 0 && is_word(text, item, word)) return true;
        text += item;
        len -= item;
    }
    return false;
}

static bool field_read(const char *line, size_t len, fields_t *fields)
{
    const char *colon = memchr(line, ':', len);
    if (!colon || colon == line || line[0] == ' ' || line[0] == '\t') return false;
    size_t name = (size_t)(colon - line), value_len = len - name - 1;
    const char *value = colon + 1;
    while (value_len > 0 && (*value == ' ' || *value == '\t'))
        value++, value_len--;
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    if (is_word(line, name, "content-length")) {
        if (fields->has_len || !number_read(value, value_len, &fields->len)) return false;
        fields->has_len = true;
    } else if (is_word(line, name, "transfer-encoding")) {
        if (fields->is_chunked || !is_word(value, value_len, "chunked")) return false;
        fields->is_chunked = true;
    } else if (is_word(line, name, "connection")) {
        fields->is_closed |= has_word(value, value_len, "close");
        fields->is_kept |= has_word(value, value_len, "keep-alive");
    }
    return true;
}

/* "HTTP/1.1 202 Accepted" */
static bool status_read(web_reply_t *reply, const char *line, size_t len)
{
    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ') return false;
    if (!is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) || (len > 12 && line[12] != ' '))
        return false;
    reply->status  = (line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0';
    reply->is_kept = line[7] != '0';
    return reply->status >= 100;
}

static bool head_read(web_reply_t *reply)
{
    fields_t fields = {.has_len = false};
    const char *at = reply->head, *end = reply->head + reply->head_len - 2;
    bool is_first = true;
    while (at < end) {
        const char *stop = strstr(at, "\r\n");
        size_t len       = (size_t)(stop - at);
        if (is_first ? !status_read(reply, at, len) : !field_read(at, len, &fields)) return false;
        is_first = false;
        at       = stop + 2;
    }
    if (is_first || (fields.has_len && fields.is_chunked)) return false;
    reply->is_kept = !fields.is_closed && (reply->is_kept || fields.is_kept);
    if (reply->status < 200) {
        reply->head_len = 0;
        return reply->status != 101 && ++reply->interim_count <= WEB_REPLY_INTERIM_MAX;
    }
    reply->left  = fields.len;
    bool is_bare = reply->status == 204 || reply->status == 304;
    if (is_bare || (fields.has_len && fields.len == 0))
        reply->state = REPLY_OVER;
    else if (fields.has_len)
        reply->state = REPLY_COUNTED;
    else
        reply->state = fields.is_chunked ? REPLY_CHUNKED : REPLY_TO_THE_END;
    if (reply->state == REPLY_TO_THE_END) reply->is_kept = false;
    return true;
}

/* Takes bytes up to the empty line; a zero among them is malformed. */
static bool head_take(web_reply_t *reply, bytes_t *in)
{
    while (in->len > 0) {
        char c = (char)*in->data;
        if (c == 0 || reply->head_len + 1 >= WEB_REPLY_HEAD_MAX) return false;
        reply->head[reply->head_len++] = c;
        reply->head[reply->head_len]   = 0;
        in->data++;
        in->len--;
        if (reply->head_len >= 4 && memcmp(reply->head + reply->head_len - 4, "\r\n\r\n", 4) == 0)
            return head_read(reply);
    }
    return true;
}

/* ---- the body ---- */

static bool counted_take(web_reply_t *reply, bytes_t *in)
{
    bytes_t piece = {in->data, in->len < reply->left ? in->len : (uint32_t)reply->left};
    in->data += piece.len;
    in->len -= piece.len;
    reply->left -= piece.len;
    if (reply->left == 0) reply->state = REPLY_OVER;
    return body_add(reply, piece);
}

static bool chunks_take(web_reply_t *reply, bytes_t *in)
{
    bytes_t piece;
    switch (web_chunks_take(&reply->chunks, in, &piece)) {
    case CHUNKS_MORE: return true;
    case CHUNKS_PIECE: return body_add(reply, piece);
    case CHUNKS_END: reply->state = REPLY_OVER; return true;
    case CHUNKS_MALFORMED: return false;
    }
    return false;
}

web_reply_status_t web_reply_take(web_reply_t *reply, bytes_t *in)
{
    bool is_good = true;
    while (is_good && in->len > 0 && reply->state != REPLY_OVER) {
        bytes_t all = *in;
        switch (reply->state) {
        case REPLY_HEAD: is_good = head_take(reply, in); break;
        case REPLY_COUNTED: is_good = counted_take(reply, in); break;
        case REPLY_CHUNKED: is_good = chunks_take(reply, in); break;
        case REPLY_TO_THE_END:
            *in     = (bytes_t){0};
            is_good = body_add(reply, all);
            break;
        case REPLY_OVER: break;
        }
    }
    if (!is_good) return WEB_REPLY_MALFORMED;
    return reply->state == REPLY_OVER ? WEB_REPLY_WHOLE : WEB_REPLY_MORE;
}

bool web_reply_end(web_reply_t *reply)
{
    if (reply->state == REPLY_TO_THE_END) reply->state = REPLY_OVER;
    return reply->state == REPLY_OVER;
}

void web_reply_reset(web_reply_t *reply)
{
    web_reply_fini(reply);
    reply->state         = REPLY_HEAD;
    reply->status        = 0;
    reply->chunks        = (web_chunks_t){0};
    reply->interim_count = 0;
    reply->head_len      = 0;
}

void web_reply_fini(web_reply_t *reply)
{
    free(reply->body);
    reply->body     = NULL;
    reply->body_len = reply->body_cap = 0;
}
