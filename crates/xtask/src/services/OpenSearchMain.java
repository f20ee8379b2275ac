// One OpenSearch node in the foreground, for tests.
// java -Xms512m -Xmx512m -cp "lib/*" OpenSearchMain.java HOME HTTP_PORT TRANSPORT_PORT [plugin=CLASS ...] [setting=value ...] [setting=[a;b] ...]
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;

public class OpenSearchMain {
    static final class TestNode extends Node {
        TestNode(Environment env, Collection<Class<? extends Plugin>> plugins) {
            super(env, plugins, false);
        }
    }

    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]).toAbsolutePath();
        for (String d : new String[] {"config", "data", "logs", "repo"}) {
            Files.createDirectories(home.resolve(d));
        }
        Settings.Builder s = Settings.builder()
            .put("path.home", home.toString())
            .put("path.data", home.resolve("data").toString())
            .put("path.logs", home.resolve("logs").toString())
            .put("path.repo", home.resolve("repo").toString())
            .put("cluster.name", "logdrive-test")
            .put("node.name", "n1")
            .put("network.host", "127.0.0.1")
            .put("http.port", args[1])
            .put("transport.port", args[2])
            .put("discovery.type", "single-node")
            .put("node.store.allow_mmap", false)
            .put("action.auto_create_index", true)
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .put("node.processors", 2);
        List<Class<? extends Plugin>> plugins = new ArrayList<>(List.of(
            org.opensearch.transport.Netty4Plugin.class,
            org.opensearch.analysis.common.CommonAnalysisPlugin.class,
            org.opensearch.ingest.common.IngestCommonPlugin.class,
            org.opensearch.painless.PainlessPlugin.class,
            org.opensearch.script.expression.ExpressionPlugin.class,
            org.opensearch.script.mustache.MustachePlugin.class,
            org.opensearch.index.mapper.MapperExtrasPlugin.class,
            org.opensearch.index.reindex.ReindexPlugin.class));
        for (int i = 3; i < args.length; i++) {
            int eq = args[i].indexOf('=');
            String k = args[i].substring(0, eq), v = args[i].substring(eq + 1);
            if (k.equals("plugin")) plugins.add(Class.forName(v).asSubclass(Plugin.class));
            else if (v.isEmpty()) s.remove(k);
            else if (v.startsWith("[")) s.putList(k, v.substring(1, v.length() - 1).split(";"));
            else s.put(k, v);
        }
        Environment env = InternalSettingsPreparer.prepareEnvironment(s.build(), Map.of(), home.resolve("config"), () -> "n1");
        Node node = new TestNode(env, plugins);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try { node.close(); } catch (Exception e) { e.printStackTrace(); }
        }));
        node.start();
        System.err.println("started");
        Thread.currentThread().join();
    }
}
