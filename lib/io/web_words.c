/* web_words.c - names of methods and answers, and who may ask from a browser. */
#include <string.h>

#include "web_internal.h"

const char *web_method_name(int method)
{
    switch (method) {
    case LWSHUMETH_GET: return "GET";
    case LWSHUMETH_POST: return "POST";
    case LWSHUMETH_OPTIONS: return "OPTIONS";
    case LWSHUMETH_PUT: return "PUT";
    case LWSHUMETH_PATCH: return "PATCH";
    case LWSHUMETH_DELETE: return "DELETE";
    case LWSHUMETH_HEAD: return "HEAD";
    default: return "";
    }
}

const char *web_status_text(int status)
{
    switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
    }
}

/* An origin of the list may end in ":*": any port, or none. */
static bool is_origin(const char *item, size_t len, const char *origin)
{
    if (len < 2 || memcmp(item + len - 2, ":*", 2) != 0)
        return strlen(origin) == len && memcmp(item, origin, len) == 0;
    if (strncmp(origin, item, len - 2) != 0) return false;
    const char *port = origin + len - 2;
    return *port == 0 || (*port == ':' && port[1] && port[1 + strspn(port + 1, "0123456789")] == 0);
}

bool web_is_origin_let_in(const char *origins, const char *origin)
{
    if (!*origin || !origins || strcmp(origins, "all") == 0) return true;
    for (const char *at = origins; *at;) {
        size_t len = strcspn(at, ",");
        if (is_origin(at, len, origin)) return true;
        at += len + (at[len] == ',');
    }
    return false;
}
