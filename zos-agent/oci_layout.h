/* oci_layout.h - an OCI image layout: a folder of blobs, each named by its digest.
 *
 * Spec: OCI image 1.0.  Every blob is checked against its name before it is looked at. */
#ifndef OCI_LAYOUT_H
#define OCI_LAYOUT_H
#include "image.h"

#define OCI_JSON_MAX   (1u << 20)
#define OCI_LAYERS_MAX 128

/* oci_layout_unpack unpacks the layers of the layout's image for this machine into tree.  *config is the
 * image's own configuration in the form of image_t, the caller's to free(). */
NODISCARD bool oci_layout_unpack(const char *layout, const char *tree, char **config,
                                 char error[IMAGE_ERROR_MAX + 1]);

/* oci_file_digest writes the SHA-256 of a file's bytes as hex. */
NODISCARD bool oci_file_digest(const char *path, char digest[IMAGE_DIGEST_LEN + 1]);

#endif
