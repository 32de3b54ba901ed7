/* test_chunks.c - bodies in chunks: what they mean, and what none is. */
#include "test.h"
#include "web_chunks.h"

typedef struct {
    const char *wire, *body; /* NULL: malformed */
    uint32_t rest;           /* bytes that come after it */
} chunks_case_t;

static web_chunks_status_t take(const char *wire, char body[100], uint32_t *rest)
{
    web_chunks_t chunks = {0};
    bytes_t in          = bytes_text(wire), piece;
    web_chunks_status_t status;
    body[0] = 0;
    while ((status = web_chunks_take(&chunks, &in, &piece)) == CHUNKS_PIECE)
        strncat(body, (const char *)piece.data, piece.len);
    *rest = in.len;
    return status;
}

TEST(chunks_are_put_together)
{
    static const chunks_case_t cases[] = {
        {"0\r\n\r\n",                                                 "",                0},
        {"4\r\nwiki\r\n0\r\n\r\n",                                    "wiki",            0},
        {"4\r\nwiki\r\nB\r\npedia in ch.\r\n0\r\n\r\n",               NULL,              0},
        {"4\r\nwiki\r\nb\r\npedia in ch\r\n0\r\n\r\nnext",            "wikipedia in ch", 4},
        {"4;name=value;other\r\nwiki\r\n00 \r\nA: b\r\nC: d\r\n\r\n", "wiki",            0},
        {"\r\n",                                                      NULL,              0},
        {"x\r\n",                                                     NULL,              0},
        {"-1\r\n",                                                    NULL,              0},
        {"0x4\r\nwiki\r\n",                                           NULL,              0},
        {"4\nwiki\r\n",                                               NULL,              0},
        {"4\r\nwikipedia",                                            NULL,              0},
        {"123456789\r\n",                                             NULL,              0},
        {"4\rwiki",                                                   NULL,              0},
        {"0\r\nA: b\n\r\n",                                           NULL,              0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[100];
        uint32_t rest;
        web_chunks_status_t status = take(cases[i].wire, body, &rest);
        if (status != (cases[i].body ? CHUNKS_END : CHUNKS_MALFORMED)) printf("case %zu\n", i);
        EQ(status, cases[i].body ? CHUNKS_END : CHUNKS_MALFORMED);
        OK(!cases[i].body || (strcmp(body, cases[i].body) == 0 && rest == cases[i].rest));
    }
}

TEST(what_nobody_reads_has_limits)
{
    char wire[20000], body[100];
    uint32_t rest;
    snprintf(wire, sizeof wire, "1;%0300d\r\n", 1);
    EQ(take(wire, body, &rest), CHUNKS_MALFORMED);
    snprintf(wire, sizeof wire, "0\r\nA: %09000d\r\n\r\n", 1);
    EQ(take(wire, body, &rest), CHUNKS_MALFORMED);
}

TEST_MAIN()
