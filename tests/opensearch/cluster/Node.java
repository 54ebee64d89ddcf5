import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.codelibs.opensearch.runner.node.OpenSearchRunnerNode;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.plugins.Plugin;

/**
 * One real OpenSearch node in this process, with the modules that Broadsheet needs. It ends when the process OWNER does.
 * Arguments: HOME NUMBER NODES HTTP_BASE TRANSPORT_BASE OWNER.
 */
public class Node {
    static final List<String> MODULES = List.of(
        "org.opensearch.transport.Netty4ModulePlugin",
        "org.opensearch.analysis.common.CommonAnalysisModulePlugin",
        "org.opensearch.index.reindex.ReindexModulePlugin",
        "org.opensearch.painless.PainlessModulePlugin",
        "org.opensearch.script.expression.ExpressionModulePlugin",
        "org.opensearch.index.mapper.MapperExtrasModulePlugin");

    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]);
        int number = Integer.parseInt(args[1]), nodes = Integer.parseInt(args[2]);
        int http = Integer.parseInt(args[3]), transport = Integer.parseInt(args[4]);
        ProcessHandle.of(Long.parseLong(args[5])).ifPresentOrElse(
            owner -> owner.onExit().thenRun(() -> Runtime.getRuntime().halt(0)), () -> System.exit(1));
        String name = "node-" + number;
        List<String> hosts = new ArrayList<>(), names = new ArrayList<>();
        for (int i = 1; i <= nodes; i++) {
            hosts.add("127.0.0.1:" + (transport + i));
            names.add("node-" + i);
        }
        Settings settings = Settings.builder()
            .put("path.home", home.toString())
            .put("path.data", home.resolve("data").toString())
            .put("path.logs", home.resolve("logs").toString())
            .put("path.repo", home.getParent().resolve("snapshots").toString())
            .put("cluster.name", "broadsheet-test-" + transport)
            .put("node.name", name)
            .put("network.host", "127.0.0.1")
            .put("http.port", http + number)
            .put("transport.port", transport + number)
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .putList("discovery.seed_hosts", hosts)
            .putList("cluster.initial_cluster_manager_nodes", names)
            .build();
        List<Class<? extends Plugin>> plugins = new ArrayList<>();
        for (String module : MODULES) {
            plugins.add(Class.forName(module).asSubclass(Plugin.class));
        }
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), home.resolve("config"), () -> name);
        OpenSearchRunnerNode node = new OpenSearchRunnerNode(environment, plugins);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception failure) {
                failure.printStackTrace();
            }
        }));
        node.start();
        System.out.println("started " + name);
        new CountDownLatch(1).await();
    }
}
