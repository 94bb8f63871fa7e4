/* One step of training of the character transformer: forward, backward, Adam.
   Input: learning rate (0 for the gradient alone), length, (token, target) pairs, parameters in the order of struct weights. */
#include "bench.h"

enum { V = 27, N = 16, H = 4, D = N / H, T = 16, F = 4 * N };

struct weights {
    double token[V][N], position[T][N], query[N][N], key[N][N], value[N][N], output[N][N], expand[F][N], contract[N][F],
        logits[V][N];
};
enum { SIZE = sizeof(struct weights) / sizeof(double) };

static struct weights w, g, first, second; /* parameters, gradient, Adam's moments */
static int length, token[T], target[T];

/* y = W x */
static inline void times(int m, int n, const double W[m][n], const double *x, double *y) {
    for (int i = 0; i < m; i++) {
        double s = 0;
        for (int j = 0; j < n; j++) s += W[i][j] * x[j];
        y[i] = s;
    }
}

/* The chain rule of y = W x: adds to the gradients by W and x. */
static inline void back(int m, int n, const double W[m][n], const double *x, const double *by_y, double by_W[m][n],
                        double *by_x) {
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            by_W[i][j] += by_y[i] * x[j];
            by_x[j] += by_y[i] * W[i][j];
        }
}

static inline double normalise(const double *x, double *y) {
    double s = 0;
    for (int i = 0; i < N; i++) s += x[i] * x[i];
    s = 1 / sqrt(s / N + 1e-5);
    for (int i = 0; i < N; i++) y[i] = x[i] * s;
    return s;
}

/* The chain rule of y = normalise(x): adds to the gradient by x. */
static inline void back_normalise(const double *x, double s, const double *by_y, double *by_x) {
    double inner = 0;
    for (int i = 0; i < N; i++) inner += by_y[i] * x[i];
    inner *= s * s * s / N;
    for (int i = 0; i < N; i++) by_x[i] += s * by_y[i] - x[i] * inner;
}

static inline void softmax(int n, double *x) {
    double greatest = x[0], total = 0;
    for (int i = 1; i < n; i++) greatest = x[i] > greatest ? x[i] : greatest;
    for (int i = 0; i < n; i++) total += x[i] = exp(x[i] - greatest);
    for (int i = 0; i < n; i++) x[i] /= total;
}

/* The loss; its gradient goes into g. */
static double loss_and_gradient(void) {
    double x0[T][N], x1[T][N], normal1[T][N], q[T][N], k[T][N], v[T][N], a[T][H][T], mixed[T][N] = {0}, x2[T][N];
    double normal2[T][N], hidden[T][F], x3[T][N], p[T][V], s0[T], s1[T], s2[T], loss = 0;
    double by_q[T][N] = {0}, by_k[T][N] = {0}, by_v[T][N] = {0}, by_x1[T][N];
    memset(&g, 0, sizeof g);
    for (int t = 0; t < length; t++) {
        for (int i = 0; i < N; i++) x0[t][i] = w.token[token[t]][i] + w.position[t][i];
        s0[t] = normalise(x0[t], x1[t]);
        s1[t] = normalise(x1[t], normal1[t]);
        times(N, N, w.query, normal1[t], q[t]);
        times(N, N, w.key, normal1[t], k[t]);
        times(N, N, w.value, normal1[t], v[t]);
        for (int h = 0; h < H; h++) {
            for (int u = 0; u <= t; u++) {
                double s = 0;
                for (int i = h * D; i < h * D + D; i++) s += q[t][i] * k[u][i];
                a[t][h][u] = s / 2; /* the root of D */
            }
            softmax(t + 1, a[t][h]);
            for (int u = 0; u <= t; u++)
                for (int i = h * D; i < h * D + D; i++) mixed[t][i] += a[t][h][u] * v[u][i];
        }
        times(N, N, w.output, mixed[t], x2[t]);
        for (int i = 0; i < N; i++) x2[t][i] += x1[t][i];
        s2[t] = normalise(x2[t], normal2[t]);
        times(F, N, w.expand, normal2[t], hidden[t]);
        for (int i = 0; i < F; i++) hidden[t][i] = hidden[t][i] > 0 ? hidden[t][i] : 0;
        times(N, F, w.contract, hidden[t], x3[t]);
        for (int i = 0; i < N; i++) x3[t][i] += x2[t][i];
        times(V, N, w.logits, x3[t], p[t]);
        softmax(V, p[t]);
        loss -= log(p[t][target[t]]) / length;
    }
    for (int t = length - 1; t >= 0; t--) {
        double by_x3[N] = {0}, by_hidden[F] = {0}, by_normal2[N] = {0}, by_mixed[N] = {0};
        p[t][target[t]] -= 1;
        for (int i = 0; i < V; i++) p[t][i] /= length;
        back(V, N, w.logits, x3[t], p[t], g.logits, by_x3);
        back(N, F, w.contract, hidden[t], by_x3, g.contract, by_hidden);
        for (int i = 0; i < F; i++) by_hidden[i] = hidden[t][i] > 0 ? by_hidden[i] : 0;
        back(F, N, w.expand, normal2[t], by_hidden, g.expand, by_normal2);
        back_normalise(x2[t], s2[t], by_normal2, by_x3); /* now by x2 */
        back(N, N, w.output, mixed[t], by_x3, g.output, by_mixed);
        memcpy(by_x1[t], by_x3, sizeof by_x3);
        for (int h = 0; h < H; h++) {
            double by_a[T], inner = 0;
            for (int u = 0; u <= t; u++) {
                by_a[u] = 0;
                for (int i = h * D; i < h * D + D; i++) {
                    by_a[u] += by_mixed[i] * v[u][i];
                    by_v[u][i] += by_mixed[i] * a[t][h][u];
                }
                inner += by_a[u] * a[t][h][u];
            }
            for (int u = 0; u <= t; u++) {
                double by_score = a[t][h][u] * (by_a[u] - inner) / 2;
                for (int i = h * D; i < h * D + D; i++) {
                    by_q[t][i] += by_score * k[u][i];
                    by_k[u][i] += by_score * q[t][i];
                }
            }
        }
        /* No later position is left: the gradients by k and v at this one are complete. */
        double by_normal1[N] = {0}, by_x0[N] = {0};
        back(N, N, w.query, normal1[t], by_q[t], g.query, by_normal1);
        back(N, N, w.key, normal1[t], by_k[t], g.key, by_normal1);
        back(N, N, w.value, normal1[t], by_v[t], g.value, by_normal1);
        back_normalise(x1[t], s1[t], by_normal1, by_x1[t]);
        back_normalise(x0[t], s0[t], by_x1[t], by_x0);
        for (int i = 0; i < N; i++) {
            g.token[token[t]][i] += by_x0[i];
            g.position[t][i] += by_x0[i];
        }
    }
    return loss;
}

static void adam(double rate, long step) {
    double *p = (double *)&w, *by = (double *)&g, *m = (double *)&first, *v = (double *)&second;
    double one = 1 - pow(0.9, step), two = 1 - pow(0.999, step);
    for (int i = 0; i < SIZE; i++) {
        m[i] = 0.9 * m[i] + (1 - 0.9) * by[i];
        v[i] = 0.999 * v[i] + (1 - 0.999) * by[i] * by[i];
        p[i] -= rate * (m[i] / one) / (sqrt(v[i] / two) + 1e-8);
    }
}

int main(int argc, char **argv) {
    double *numbers = read_numbers(argv[1]), rate = numbers[0];
    long steps = atol(argv[2]);
    length = numbers[1];
    for (int t = 0; t < length; t++) token[t] = numbers[2 + 2 * t], target[t] = numbers[3 + 2 * t];
    memcpy(&w, numbers + 2 + 2 * length, sizeof w);
    double start = seconds();
    for (long step = 1; step <= steps; step++) {
        loss_and_gradient();
        if (rate) adam(rate, step);
    }
    double each = (seconds() - start) / (steps ? steps : 1), loss = loss_and_gradient();
    print_numbers(&each, 1);
    print_numbers(&loss, 1);
    print_numbers((double *)&g, SIZE);
}
