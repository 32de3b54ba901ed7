/* graphql_parse.c - the grammar of GraphQL documents: one function a rule, one token ahead. */
#include "graphql_parse.h"
#include "graphql.h"

#include <stdio.h>
#include <string.h>

typedef enum { TOKEN_END, TOKEN_MARK, TOKEN_NAME, TOKEN_INT, TOKEN_FLOAT, TOKEN_STRING } token_t;

typedef struct {
    const uint8_t *start, *at, *end;
    arena_t *arena;
    gq_error_t *error;
    bool has_failed;
    int depth;
    token_t token;
    char mark; /* of TOKEN_MARK; '.' for ... */
    bytes_t text;
    const uint8_t *token_at;
} parser_t;

/* ---- failure ---- */

static void fail(parser_t *p, const char *what)
{
    if (p->has_failed) return;
    p->has_failed    = true;
    p->error->line   = 1;
    p->error->column = 1;
    for (const uint8_t *c = p->start; c < p->token_at; c++) {
        p->error->column++;
        if (*c != '\n') continue;
        p->error->line++;
        p->error->column = 1;
    }
    snprintf(p->error->text, sizeof p->error->text, "Syntax Error: %s", what);
    p->token = TOKEN_END;
    p->at    = p->end;
}

static void *take(parser_t *p, uint32_t size)
{
    void *room = arena_take(p->arena, size);
    if (!room) fail(p, "the question is too large");
    return room;
}

/* ---- tokens ---- */

static bool is_name_start(uint8_t c) { return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_'; }
static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static void skip_blank(parser_t *p)
{
    while (p->at < p->end) {
        if (*p->at == '#')
            while (p->at < p->end && *p->at != '\n' && *p->at != '\r')
                p->at++;
        else if (strchr(" \t\r\n,", *p->at) && *p->at)
            p->at++;
        else if (p->end - p->at >= 3 && memcmp(p->at, "\xef\xbb\xbf", 3) == 0)
            p->at += 3;
        else
            return;
    }
}

static void read_number(parser_t *p)
{
    const uint8_t *from = p->at;
    p->token            = TOKEN_INT;
    if (*p->at == '-') p->at++;
    if (p->at == p->end || !is_digit(*p->at)) {
        fail(p, "a number has digits");
        return;
    }
    bool is_zero = *p->at == '0';
    while (p->at < p->end && is_digit(*p->at))
        p->at++;
    if (is_zero && p->at - from > 1 + (*from == '-')) fail(p, "a number does not start with 0");
    for (int part = 0; part < 2 && p->at < p->end; part++) {
        bool is_part = part == 0 ? *p->at == '.' : (*p->at | 32) == 'e';
        if (!is_part) continue;
        p->token = TOKEN_FLOAT;
        p->at++;
        if (part == 1 && p->at < p->end && (*p->at == '+' || *p->at == '-')) p->at++;
        if (p->at == p->end || !is_digit(*p->at)) fail(p, "a number has digits");
        while (p->at < p->end && is_digit(*p->at))
            p->at++;
    }
    if (p->at < p->end && (is_name_start(*p->at) || *p->at == '.')) fail(p, "a number ends before a name");
    if (!p->has_failed) p->text = (bytes_t){from, (uint32_t)(p->at - from)};
}

static int hex_digit(uint8_t c)
{
    if (is_digit(c)) return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t put_utf8(uint8_t *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (code & 63));
    return 4;
}

static uint32_t read_four(parser_t *p)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = p->at < p->end ? hex_digit(*p->at++) : -1;
        if (digit < 0) {
            fail(p, "\\u has four hexadecimal digits");
            return 0;
        }
        code = code << 4 | (uint32_t)digit;
    }
    return code;
}

static uint32_t read_unicode(parser_t *p, uint8_t *out)
{
    uint32_t code = read_four(p);
    if (code >= 0xd800 && code < 0xdc00 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u') {
        p->at += 2;
        uint32_t low = read_four(p);
        if (low >= 0xdc00 && low < 0xe000)
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        else
            fail(p, "half a pair of surrogates");
    } else if ((code >= 0xd800 && code < 0xe000) || code == 0)
        fail(p, "no such character");
    return p->has_failed ? 0 : put_utf8(out, code);
}

/* Behind a backslash. */
static uint32_t read_escape(parser_t *p, uint8_t *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint8_t c = p->at < p->end ? *p->at++ : 0;
    if (c == 'u') return read_unicode(p, out);
    const char *found = c ? strchr(from, c) : NULL;
    if (!found) {
        fail(p, "no such escape");
        return 0;
    }
    out[0] = (uint8_t)to[found - from];
    return 1;
}

static void read_block(parser_t *p)
{
    const uint8_t *from = p->at += 3;
    while (p->end - p->at >= 3 && memcmp(p->at, "\"\"\"", 3) != 0)
        p->at++;
    if (p->end - p->at < 3) {
        fail(p, "a text has no end");
        return;
    }
    p->text = (bytes_t){from, (uint32_t)(p->at - from)};
    p->at += 3;
}

static void read_string(parser_t *p)
{
    p->token = TOKEN_STRING;
    if (p->end - p->at >= 3 && memcmp(p->at, "\"\"\"", 3) == 0) {
        read_block(p);
        return;
    }
    const uint8_t *quote = ++p->at;
    while (quote < p->end && *quote != '"' && *quote >= ' ')
        quote += *quote == '\\' && quote + 1 < p->end ? 2 : 1;
    uint8_t *out = take(p, (uint32_t)(quote - p->at) + 4); /* an escape is never shorter than its character */
    uint32_t len = 0;
    while (!p->has_failed && p->at < p->end && *p->at != '"' && *p->at >= ' ')
        if (*p->at == '\\') {
            p->at++;
            len += read_escape(p, out + len);
        } else
            out[len++] = *p->at++;
    if (p->has_failed) return;
    if (p->at == p->end || *p->at != '"') {
        fail(p, "a text has no end");
        return;
    }
    p->at++;
    p->text = (bytes_t){out, len};
}

static void advance(parser_t *p)
{
    if (p->has_failed) return;
    skip_blank(p);
    p->token_at = p->at;
    p->token    = TOKEN_END;
    if (p->at == p->end) return;
    uint8_t c = *p->at;
    if (is_name_start(c)) {
        p->token = TOKEN_NAME;
        while (p->at < p->end && (is_name_start(*p->at) || is_digit(*p->at)))
            p->at++;
        p->text = (bytes_t){p->token_at, (uint32_t)(p->at - p->token_at)};
    } else if (is_digit(c) || c == '-')
        read_number(p);
    else if (c == '"')
        read_string(p);
    else if (p->end - p->at >= 3 && memcmp(p->at, "...", 3) == 0) {
        p->token = TOKEN_MARK;
        p->mark  = '.';
        p->at += 3;
    } else if (c && strchr("!$&():=@[]{|}", c)) {
        p->token = TOKEN_MARK;
        p->mark  = (char)c;
        p->at++;
    } else
        fail(p, "a character that has no meaning here");
}

static bool is_mark(const parser_t *p, char mark) { return p->token == TOKEN_MARK && p->mark == mark; }

static bool skip_mark(parser_t *p, char mark)
{
    if (!is_mark(p, mark)) return false;
    advance(p);
    return true;
}

static void expect(parser_t *p, char mark)
{
    char what[] = "expected \" \"";
    what[10]    = mark;
    if (!skip_mark(p, mark)) fail(p, what);
}

static bytes_t name(parser_t *p)
{
    bytes_t text = p->text;
    if (p->token != TOKEN_NAME) {
        fail(p, "expected a name");
        return (bytes_t){NULL, 0};
    }
    advance(p);
    return text;
}

static bool is_word(const parser_t *p, const char *word)
{
    return p->token == TOKEN_NAME && bytes_equal(p->text, bytes_text(word));
}

static bool deeper(parser_t *p)
{
    if (++p->depth <= GRAPHQL_DEPTH_MAX * 2) return true;
    fail(p, "nested too deeply");
    return false;
}

/* ---- values ---- */

static gq_value_t *value(parser_t *p);

static gq_value_t *items(parser_t *p, char end, bool are_named)
{
    gq_value_t *first = NULL, **last = &first;
    while (!p->has_failed && !is_mark(p, end)) {
        bytes_t label = {NULL, 0};
        if (are_named) {
            label = name(p);
            expect(p, ':');
        }
        gq_value_t *item = value(p);
        if (!item) return NULL;
        item->name = label;
        *last      = item;
        last       = &item->next;
    }
    expect(p, end);
    return p->has_failed ? NULL : first;
}

static gq_kind_t kind_of_name(bytes_t text)
{
    if (bytes_equal(text, BYTES("true")) || bytes_equal(text, BYTES("false"))) return GQ_BOOL;
    return bytes_equal(text, BYTES("null")) ? GQ_NULL : GQ_ENUM;
}

static gq_value_t *value(parser_t *p)
{
    gq_value_t *v = take(p, sizeof *v);
    if (!v || !deeper(p)) return NULL;
    v->text = p->text;
    switch (p->token) {
    case TOKEN_INT: v->kind = GQ_INT; break;
    case TOKEN_FLOAT: v->kind = GQ_FLOAT; break;
    case TOKEN_STRING: v->kind = GQ_STRING; break;
    case TOKEN_NAME: v->kind = kind_of_name(p->text); break;
    case TOKEN_END:
    case TOKEN_MARK:
        if (skip_mark(p, '$')) {
            v->kind = GQ_VARIABLE;
            v->text = name(p);
        } else if (skip_mark(p, '[')) {
            v->kind  = GQ_LIST;
            v->items = items(p, ']', false);
        } else if (skip_mark(p, '{')) {
            v->kind  = GQ_OBJECT;
            v->items = items(p, '}', true);
        } else
            fail(p, "expected a value");
        p->depth--;
        return p->has_failed ? NULL : v;
    }
    advance(p);
    p->depth--;
    return p->has_failed ? NULL : v;
}

static gq_value_t *arguments(parser_t *p)
{
    if (!skip_mark(p, '(')) return NULL;
    if (is_mark(p, ')')) fail(p, "expected an argument");
    return items(p, ')', true);
}

static gq_directive_t *directives(parser_t *p)
{
    gq_directive_t *first = NULL, **last = &first;
    while (skip_mark(p, '@')) {
        gq_directive_t *d = take(p, sizeof *d);
        if (!d) return NULL;
        d->name      = name(p);
        d->arguments = arguments(p);
        *last        = d;
        last         = &d->next;
    }
    return first;
}

/* ---- selections ---- */

static gq_selection_t *selections(parser_t *p);

static void fragment_of(parser_t *p, gq_selection_t *s)
{
    if (p->token == TOKEN_NAME && !is_word(p, "on")) {
        s->kind       = GQ_SPREAD;
        s->name       = name(p);
        s->directives = directives(p);
        return;
    }
    s->kind = GQ_INLINE;
    if (is_word(p, "on")) {
        advance(p);
        s->name = name(p);
    }
    s->directives = directives(p);
    s->children   = selections(p);
}

static gq_selection_t *selection(parser_t *p)
{
    gq_selection_t *s = take(p, sizeof *s);
    if (!s) return NULL;
    if (skip_mark(p, '.')) {
        fragment_of(p, s);
        return s;
    }
    s->alias = s->name = name(p);
    if (skip_mark(p, ':')) s->name = name(p);
    s->arguments  = arguments(p);
    s->directives = directives(p);
    if (is_mark(p, '{')) s->children = selections(p);
    return s;
}

static gq_selection_t *selections(parser_t *p)
{
    gq_selection_t *first = NULL, **last = &first;
    expect(p, '{');
    if (!deeper(p)) return NULL;
    while (!p->has_failed && !is_mark(p, '}')) {
        gq_selection_t *s = selection(p);
        if (!s) return NULL;
        *last = s;
        last  = &s->next;
    }
    if (!first) fail(p, "expected a field");
    p->depth--;
    expect(p, '}');
    return first;
}

/* ---- definitions ---- */

static bool type(parser_t *p)
{
    bool is_list = skip_mark(p, '[');
    if (is_list) {
        if (!deeper(p)) return false;
        (void)type(p);
        p->depth--;
        expect(p, ']');
    } else
        (void)name(p);
    return skip_mark(p, '!');
}

static gq_variable_t *variables(parser_t *p)
{
    gq_variable_t *first = NULL, **last = &first;
    if (!skip_mark(p, '(')) return NULL;
    while (!p->has_failed && !is_mark(p, ')')) {
        gq_variable_t *v = take(p, sizeof *v);
        if (!v) return NULL;
        expect(p, '$');
        v->name = name(p);
        expect(p, ':');
        v->is_required = type(p);
        if (skip_mark(p, '=')) v->fallback = value(p);
        (void)directives(p);
        *last = v;
        last  = &v->next;
    }
    if (!first) fail(p, "expected a variable");
    expect(p, ')');
    return first;
}

static gq_definition_t *definition(parser_t *p)
{
    gq_definition_t *d = take(p, sizeof *d);
    if (!d) return NULL;
    d->operation = BYTES("query");
    if (is_word(p, "fragment")) {
        advance(p);
        d->is_fragment = true;
        if (is_word(p, "on")) fail(p, "a fragment has a name");
        d->name = name(p);
        if (!is_word(p, "on")) fail(p, "expected \"on\"");
        advance(p);
        d->on = name(p);
        (void)directives(p);
    } else if (is_word(p, "query") || is_word(p, "mutation") || is_word(p, "subscription")) {
        d->operation = name(p);
        if (p->token == TOKEN_NAME) d->name = name(p);
        d->variables = variables(p);
        (void)directives(p);
    } else if (!is_mark(p, '{'))
        fail(p, "expected a query");
    d->selections = p->has_failed ? NULL : selections(p);
    return d;
}

gq_definition_t *graphql_parse(bytes_t document, arena_t *arena, gq_error_t *error)
{
    parser_t p             = {.start    = document.data,
                              .at       = document.data,
                              .end      = document.data + document.len,
                              .token_at = document.data,
                              .arena    = arena,
                              .error    = error};
    gq_definition_t *first = NULL, **last = &first;
    if (document.len > GRAPHQL_QUERY_MAX) fail(&p, "the question is too large");
    advance(&p);
    while (!p.has_failed && p.token != TOKEN_END) {
        gq_definition_t *d = definition(&p);
        if (!d) break;
        *last = d;
        last  = &d->next;
    }
    if (!first) fail(&p, "there is no query");
    return p.has_failed ? NULL : first;
}
